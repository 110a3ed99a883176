"""Turns the sample company's source texts into DOCX and PDF files."""
