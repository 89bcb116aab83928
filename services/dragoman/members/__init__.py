"""Members of acts: one class for each kind of value.

    Literal[...]           ChoiceKind     a choice
    Words                  TextKind       a side's own text
    Timestamp | About      TimeKind       a moment
    Line | Place           PlaceKind      a place
    tuple[Unit, ...]       RowsKind       rows of a GroupKind of members

The schema names the kind of each member. Its class knows how the value is typed into a
form, how it is read from there, and how it is said. Pages, papers, mails and commands
say a value by the same runs, so they cannot differ.
"""
