"""Generated places under the sky."""
