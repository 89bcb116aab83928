"""Spellings of the parameters of a message service's address."""

from hypothesis import strategies as st

DANGEROUS = ("verify", "redirect", "retry", "wait", "cto", "rto", "template", "store", "attach")


@st.composite
def dangerous_addresses(draw: st.DrawFn, scheme: str = "ntfys") -> tuple[str, str]:
    """A parameter that weakens a message, and an address in which the library finds it."""
    name = draw(st.sampled_from(DANGEROUS))
    spelled = "".join(
        draw(st.sampled_from([letter, letter.upper(), f"%{ord(letter):02x}"])) for letter in name
    )
    before, after = draw(st.sampled_from(["", "%20", "%09", "%C2%A0"])), draw(_BLANKS)
    first = draw(st.sampled_from(["", "priority=high&", "to=a;", "&", ";;", "%3Fa=1;"]))
    end = draw(st.sampled_from(["=no", "=300", "=file:///etc/passwd", "", "=a=b"]))
    path = draw(st.sampled_from(["/t", "/t#", "/t/@h.example", "", "/#a:b"]))
    return name, f"{scheme}://u:p@ntfy.example.org{path}?{first}{before}{spelled}{after}{end}"


_BLANKS = st.sampled_from(["", "%20", "+", "%0D", "++"])
