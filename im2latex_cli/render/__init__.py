"""From formula to page of ink."""
