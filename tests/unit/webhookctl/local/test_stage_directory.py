"""What the front door knows of a deployed stage."""

import pytest

from webhookctl.local.stage_directory import Stage


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/webhook/stripe", "/webhook/{provider}"),
        ("/webhook/4242424242424242", "/webhook/{provider}"),
        ("/webhook/a%20b", "/webhook/{provider}"),
        ("/webhook/", "-"),
        ("/webhook", "/webhook"),
        ("/webhook/stripe/deeper", "-"),
        ("/elsewhere", "-"),
        ("/", "/"),
    ],
)
def test_a_path_is_logged_as_the_resource_that_it_leads_to(path: str, resource: str) -> None:
    """As `$context.resourcePath`: without what the sender chose."""
    stage = Stage(
        name="prod",
        api_id="a",
        api_name="api",
        created_at=0.0,
        access_log_group=None,
        access_log_format=None,
        traces=False,
        resources=("/", "/webhook", "/webhook/{provider}"),
    )
    assert stage.resource_of(path) == resource
