"""Helmkeel in Slack: commands, shortcuts, mentions and files, answered in Block Kit."""
