"""Everything that can go wrong on purpose.

StudybotError
├── NotesError
│   ├── NotesFolderMissing     the folder of notes is not there, or is not a folder
│   ├── NoNotes                the folder holds no note
│   ├── NoteUnreadable         one note cannot be read; the others can
│   ├── NoteNotFound           no note has that name
│   ├── NoteExists             a note has that name that was to be a new one's
│   └── NoteNameInvalid        a name that cannot be a note's
├── QuestionInvalid            empty, too long, or asked for too few or too many passages
├── CitationInvalid            not a citation that studybot made
├── ConversationNotFound       no conversation has that id
├── ReplyInvalid               a saved reply that cannot be read, or is none
├── ModelError
│   ├── ModelMissing           no encoder at the path, or none that can be read
│   ├── ModelMismatch          the encoder's weights are not the published ones
│   └── ModelNotExported       what runs the encoder without PyTorch cannot be made
├── IndexUnusable
│   ├── IndexMissing           nothing was indexed yet
│   ├── IndexMismatch          built with another model, chunking or format, or of other notes
│   ├── IndexCorrupt           the file is damaged
│   ├── IndexBusy              another process is indexing, or has the index open that is to be repaired
│   └── IndexUnwritable        read-only or full
├── QuestionSetInvalid         a file of evaluation questions that cannot be used
├── ResultInvalid              a kept result that cannot be read or written
├── GateInvalid                floors that cannot be read, or not for these questions
├── TrainingInvalid            questions that nothing can be fitted on
├── FittedUnwritable           what was fitted cannot be kept
├── ReportUnwritable           the folder of an evaluation's report cannot be written
├── SettingsInvalid            an unknown setting, or a value out of range
├── TokenRefused               not the token that the server was started with
└── AddressUnavailable         the server cannot listen there
"""


class StudybotError(Exception):
    """A failure with a stable ``code`` and a message that says what was found, what was wanted and what mends it."""

    code = "error"


class NotesError(StudybotError):
    code = "notes_error"


class NotesFolderMissing(NotesError):
    code = "notes_folder_missing"


class NoNotes(NotesError):
    code = "no_notes"


class NoteUnreadable(NotesError):
    code = "note_unreadable"


class NoteNotFound(NotesError):
    code = "note_not_found"


class NoteExists(NotesError):
    code = "note_exists"


class NoteNameInvalid(NotesError):
    code = "note_name_invalid"


class QuestionInvalid(StudybotError):
    code = "question_invalid"


class CitationInvalid(StudybotError):
    code = "citation_invalid"


class ConversationNotFound(StudybotError):
    code = "conversation_not_found"


class ReplyInvalid(StudybotError):
    code = "reply_invalid"


class ModelError(StudybotError):
    code = "model_error"


class ModelMissing(ModelError):
    code = "model_missing"


class ModelMismatch(ModelError):
    code = "model_mismatch"


class ModelNotExported(ModelError):
    code = "model_not_exported"


class IndexUnusable(StudybotError):
    code = "index_unusable"


class IndexMissing(IndexUnusable):
    code = "index_missing"


class IndexMismatch(IndexUnusable):
    code = "index_mismatch"


class IndexCorrupt(IndexUnusable):
    code = "index_corrupt"


class IndexBusy(IndexUnusable):
    code = "index_busy"


class IndexUnwritable(IndexUnusable):
    code = "index_unwritable"


class QuestionSetInvalid(StudybotError):
    code = "question_set_invalid"


class ResultInvalid(StudybotError):
    code = "result_invalid"


class GateInvalid(StudybotError):
    code = "gate_invalid"


class TrainingInvalid(StudybotError):
    code = "training_invalid"


class ReportUnwritable(StudybotError):
    code = "report_unwritable"


class FittedUnwritable(StudybotError):
    code = "fitted_unwritable"


class SettingsInvalid(StudybotError):
    code = "settings_invalid"


class TokenRefused(StudybotError):
    code = "token_refused"


class AddressUnavailable(StudybotError):
    code = "address_unavailable"
