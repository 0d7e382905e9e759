"""The verbs: what the web, the shell and later the console all call. Each runs in one transaction."""
