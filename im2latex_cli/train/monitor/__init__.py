"""What is measured while a network learns: evaluations, statistics, diagnosis and logs."""
