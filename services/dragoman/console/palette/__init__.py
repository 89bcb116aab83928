"""The palette: it leads to what the reader types, over a page and as the page /go."""
