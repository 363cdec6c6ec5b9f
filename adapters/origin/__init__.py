"""Distinguishes requests that came through CloudFront from requests that bypassed it."""
