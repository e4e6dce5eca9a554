"""What is known of one object: its fields, its options, its health. Pure, but for jq in a child."""
