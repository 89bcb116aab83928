"""The fields of a hand-written form, with its state, in the words of its reader.

    fields = FormFields(words, filled)
    fields.field("line", "office", say("Office"), say("Like brussels."))

The faults of the state stand beside their fields, and in the summary above the page.
"""

from collections.abc import Iterable

from dragoman.console.forms.form_state import FormState
from dragoman.document.blocks import Control, FormField
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell


class FormFields:
    """The fields of one form."""

    def __init__(self, words: Words, filled: FormState) -> None:
        """Fill them in with what a form contains."""
        self._words, self._filled = words, filled

    @property
    def faults(self) -> tuple[tuple[str, str], ...]:
        """The fields that are wrong, each with its sentence."""
        return tuple((fault.field, fault.said(self._words)) for fault in self._filled.faults)

    def field(
        self,
        control: Control,
        name: str,
        label: str,
        hint: str = "",
        options: Iterable[tuple[Cell, ...]] = (),
    ) -> FormField:
        """Return a field as it was filled in."""
        fault = self._filled.of_field(name)
        return FormField(
            control=control,
            name=name,
            label=label,
            hint=hint,
            fault="" if fault is None else fault.said(self._words),
            values=self._filled.all(name),
            options=tuple(options),
        )
