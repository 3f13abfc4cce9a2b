"""What studybot is measured beside: notes cut by LangChain, embedded by sentence-transformers, searched by FAISS.

As tutorials put it together, with the same model. ``python -m studybot.peer index NOTES FOLDER`` makes an index,
``python -m studybot.peer ask QUESTION FOLDER`` prints the passages nearest to a question. Needs the extra ``bench``.
"""

import sys
from pathlib import Path

from studybot.encoding import BASE, SentenceEncoder

# What the model reads of a text, at four characters a token.
_CHARACTERS = 1_000
_HITS = 5


def main(verb: str, what: str, folder: str) -> None:
    """Index the notes called ``what``, or ask it, of the index in ``folder``."""
    from langchain_community.embeddings import HuggingFaceEmbeddings
    from langchain_community.vectorstores import FAISS

    embeddings = HuggingFaceEmbeddings(model_name=str(SentenceEncoder(Path(BASE)).folder))
    if verb == "index":
        from langchain_core.documents import Document
        from langchain_text_splitters import MarkdownTextSplitter

        files = sorted(Path(what).rglob("*.md"))
        notes = [Document(file.read_text("utf-8"), metadata={"note": file.name}) for file in files]
        parts = MarkdownTextSplitter(chunk_size=_CHARACTERS, chunk_overlap=0).split_documents(notes)
        FAISS.from_documents(parts, embeddings).save_local(folder)
        return
    index = FAISS.load_local(folder, embeddings, allow_dangerous_deserialization=True)
    for part in index.similarity_search(what, k=_HITS):
        print(part.metadata["note"], part.page_content, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
