"""What a run does with a table or an API's answer."""
