"""What runs inside the sandbox, beside the guest's code."""
