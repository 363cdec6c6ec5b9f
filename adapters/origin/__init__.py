"""What tells requests that came by CloudFront from those that went round it."""
