"""Reports that people look at: figures collected from documents, drawn as charts, written as HTML, PDF or Markdown."""
