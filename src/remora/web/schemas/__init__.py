"""What the calls take and answer, in the wire's names. The OpenAPI document is made from these."""
