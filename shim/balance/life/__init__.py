"""Pages with a life: they come, stay, are slow, leave and come back, all of it on one clock."""
