"""The CDK stack: every resource that webhookctl deploys."""
