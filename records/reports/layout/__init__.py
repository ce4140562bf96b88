"""Reports as people read them: a page, a workbook, a document to print."""
