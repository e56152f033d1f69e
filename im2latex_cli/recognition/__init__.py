"""Pictures in, hypotheses out: where vision, network, search and vocabulary meet."""
