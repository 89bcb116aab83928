"""Pure views: values that follow from the state and are never stored."""
