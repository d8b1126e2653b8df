"""The store: SQLite tables behind one narrow class; it knows tables, not rules."""
