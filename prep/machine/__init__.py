"""What this machine has, and which models would run on it. Looks only; nothing is loaded or fetched."""
