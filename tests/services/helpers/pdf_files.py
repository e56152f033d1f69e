"""PDF files written object by object, good and bad."""

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
SHEET = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] >>"
ONE_PAGE = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
LOCK = b"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <%s> /U <%s> >>" % (
    b"28" * 32,
    b"41" * 32,
)


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF file of these objects, the first of which is the catalog."""
    out = b"%PDF-1.4\n"
    starts = []
    for number, content in enumerate(objects, start=1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    last = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n"
    return out + head + last % (size, trailer, len(out))


EMPTY = pdf(CATALOG, b"<< /Type /Pages /Kids [] /Count 0 >>")
ENCRYPTED = pdf(CATALOG, ONE_PAGE, SHEET, LOCK, trailer=b"/Encrypt 4 0 R /ID [<00><00>]")
CUT_SHORT = pdf(CATALOG, ONE_PAGE, SHEET)[:60]
BLANK = pdf(CATALOG, ONE_PAGE, SHEET)


def of_pages(count: int) -> bytes:
    """A PDF of so many blank pages."""
    pages = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b"3 0 R " * count, count)
    return pdf(CATALOG, pages, SHEET)
