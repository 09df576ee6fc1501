"""What a tag is and how to compute it; knows nothing of HTTP or of training."""
