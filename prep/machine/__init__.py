"""What this machine has, and which models would run on it. Only looks: loads and fetches nothing."""
