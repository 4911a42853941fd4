"""Reports: from records and figures to a document, and from a document to DOCX and XLSX.

`build_report` makes a frozen, format-free `Document`; `write_docx` and `write_xlsx` give it a form. Nothing here knows
Flask or a database, and nothing here opens a sealed value: a report holds counts, never an identity.
"""

from server.reports.build import build_report
from server.reports.document import Document
from server.reports.docx import write_docx
from server.reports.narratives import merge_narratives
from server.reports.request import ReportRequest
from server.reports.xlsx import write_xlsx

__all__ = ["Document", "ReportRequest", "build_report", "merge_narratives", "write_docx", "write_xlsx"]
