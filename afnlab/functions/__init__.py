"""What one activation function is, numerically."""
