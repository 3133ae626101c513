"""The anchor: 48 segments written twice, by hand as SQL and as rules, over data that a seed makes anywhere."""
