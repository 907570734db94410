"""Who answers: log-ins, what each chose to be, and which phone rings whom."""
