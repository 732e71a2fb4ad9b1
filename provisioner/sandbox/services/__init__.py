"""The three services of the cloud. Each turns calls into answers; none knows HTTP."""
