"""API Gateway event in, HTTP answer out."""
