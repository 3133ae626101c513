"""What a campaign brought: sums from the database, read by the experiments, told in words."""
