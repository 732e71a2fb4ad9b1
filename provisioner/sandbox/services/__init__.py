"""The three services of the cloud that a provisioner meets. Each turns calls into answers; none knows HTTP."""
