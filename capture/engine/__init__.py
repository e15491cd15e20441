"""The embedded engine: a program that speaks UnrealCV's protocol and renders in software."""
