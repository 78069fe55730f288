"""Points for the estimators in students' files, by an instructor's rubric."""
