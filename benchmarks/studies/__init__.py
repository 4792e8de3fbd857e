"""Studies that retrain or dissect networks; they take hours."""
