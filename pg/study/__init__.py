"""What a study file means: its records, its expansion into runs, and the messages that refuse a wrong one."""
