"""Studies that retrain or take networks apart; they take hours and are repeated seldom."""
