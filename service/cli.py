"""The `helmkeel` command: data on stdout, talk on stderr; exit 0 all well, 1 some inputs failed, 2 usage, 130 interrupted.

Each command imports what it needs when it runs: spaCy alone takes a second, for which nobody should wait who asks for help.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from model.layout import TextKind
from service.auth import Scope
from service.batch.request import Request, RowKind, TableOptions
from service.inputs import STDIN, InputError, is_file, read_document
from service.schemas import Source, Unit
from service.settings import Settings, SettingsError

if TYPE_CHECKING:
    from model.artifact import Artifact

app = typer.Typer(
    name="helmkeel",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_talk = Console(stderr=True)

FAILED, USAGE, INTERRUPTED = 1, 2, 130

# What several commands take.
Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, .zip archives, globs in quotes, or -.")]
Include = Annotated[list[str] | None, typer.Option(help="Only files in folders and archives that match; may be repeated.")]
Exclude = Annotated[list[str] | None, typer.Option(help="No files in folders and archives that match; may be repeated.")]
Kind = Annotated[TextKind, typer.Option(help="How lines are read.")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", min=0, help="Processes; 0: one for each core.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but what failed.")]


def main() -> NoReturn:
    """Run the command."""
    try:
        code = app(standalone_mode=True)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"helmkeel {version('helmkeel')}\n")
        raise typer.Exit


@app.callback()
def helmkeel(
    show_version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Tag working text as leadership-oriented, management-oriented, both or neither, and say why."""


@app.command()
def tag(
    source: Annotated[str, typer.Argument(metavar="[TEXT | FILE | -]", help="A text in quotes, a file, or - for standard input.")] = STDIN,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the answer of the API, evidence included.")] = False,
    kind: Annotated[TextKind | None, typer.Option(help="How lines are read; decided from the document if left out.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show sentences that are neither, too.")] = False,
) -> None:
    """Tag one document and show it."""
    from model.document import TooManySentencesError, tag_document
    from model.tagger import Tagger
    from service.answers import identity, tag_response
    from service.show import show

    settings = _settings()
    try:
        read = read_document(source)
    except InputError as error:
        _stop(str(error), USAGE)
    text = read.text
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > settings.max_text_bytes:
        _stop(f"{size} bytes of text, the limit is {settings.max_text_bytes}; tag it in parts", FAILED)
    artifact = _artifact(settings)
    try:
        document = tag_document(Tagger(artifact.model), text, kind or read.text_kind, evidence=True, max_sentences=settings.max_sentences)
    except TooManySentencesError as error:
        _stop(str(error), FAILED)
    named = is_file(source)
    about = Source(name=source, kind=read.kind, encoding=read.encoding, extracted=read.extracted) if named else None
    answer = tag_response(document, text, identity(artifact), document_id=source if named else None, source=about, with_text=read.extracted)
    if json:
        sys.stdout.write(answer.model_dump_json() + "\n")
    else:
        show(answer, artifact.contrasts, everything=everything)


@app.command()
def score(
    inputs: Inputs,
    output: Annotated[str, typer.Option("-o", "--output", help="A .jsonl, .csv, .parquet or .sqlite file, a folder/, or - for stdout.")],
    *,
    rows: Annotated[RowKind, typer.Option(help="What a row of the output is.")] = RowKind.SENTENCES,
    unit: Annotated[Unit, typer.Option(help="What a row's text is; `sentence`: one sentence, no segmenting.")] = Unit.DOCUMENT,
    text_column: Annotated[str | None, typer.Option(help="The column of the texts in tables; `text`, or found, if left out.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The column of the identifiers; `id`, or the row's number, if left out.")] = None,
    include: Include = None,
    exclude: Exclude = None,
    kind: Kind = TextKind.AUTO,
    jobs: Jobs = 1,
    via: Annotated[str | None, typer.Option(metavar="URL", help="Let a running service tag; sends HELMKEEL_API_KEY, if set.")] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Work on the Dask cluster at this address.")] = None,
    stdin_name: Annotated[str, typer.Option(metavar="NAME", help="Read - as a file of this name, which tells its kind.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the output, and forget an interrupted run.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    quiet: Quiet = False,
) -> None:
    """Score many documents: files, folders, archives and tables, in order, into one file."""
    from service.batch.command import score_command

    settings = _settings()
    if not via:
        _artifact(settings)
    request = Request(
        inputs=inputs,
        output=output,
        include=include or [],
        exclude=exclude or [],
        stdin_name=stdin_name,
        rows=rows,
        unit=unit,
        kind=kind,
        tables=TableOptions(text_column, id_column),
        jobs=jobs,
        via=via,
        cluster=cluster,
        force=force,
        resume=resume,
        quiet=quiet,
    )
    if code := score_command(request, settings, _talk):
        raise typer.Exit(code)


@app.command()
def report(
    inputs: Inputs,
    output: Annotated[str, typer.Option("-o", "--output", help="A .html, .pdf or .md file.")],
    *,
    title: Annotated[str | None, typer.Option(help="Stands on top.")] = None,
    text_column: Annotated[str | None, typer.Option(help="The column of the texts in tables.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The column of the identifiers in tables.")] = None,
    date_column: Annotated[str | None, typer.Option(help="The column of the dates in tables; `date`, if left out.")] = None,
    include: Include = None,
    exclude: Exclude = None,
    kind: Kind = TextKind.AUTO,
    jobs: Jobs = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace the output.")] = False,
    quiet: Quiet = False,
) -> None:
    """Make a report to look at: balance, profile, change over time, speakers, and the most telling sentences."""
    from service.report.command import ReportRequest, report_command

    tables = TableOptions(text_column, id_column)
    request = ReportRequest([inputs], output, title, include or (), exclude or (), kind, tables, date_column, jobs, force, quiet)
    settings = _settings()
    _artifact(settings)
    if code := report_command(request, settings, _talk):
        raise typer.Exit(code)


@app.command()
def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="A file, a folder, an archive, or a glob in quotes.")],
    other: Annotated[str, typer.Argument(metavar="B", help="What to put beside it.")],
    output: Annotated[str | None, typer.Option("-o", "--output", help="A .html, .pdf or .md file; Markdown on stdout if left out.")] = None,
    *,
    title: Annotated[str | None, typer.Option(help="Stands on top.")] = None,
    jobs: Jobs = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace the output.")] = False,
    quiet: Quiet = False,
) -> None:
    """Put two documents, or two groups of documents, side by side."""
    from service.report.command import ReportRequest, report_command

    settings = _settings()
    _artifact(settings)
    if code := report_command(ReportRequest([[one], [other]], output, title, jobs=jobs, force=force, quiet=quiet), settings, _talk):
        raise typer.Exit(code)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; HELMKEEL_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; HELMKEEL_PORT, else 8000.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that tag; HELMKEEL_WORKERS, else one for each core.", min=1)] = None,
) -> None:
    """Serve the REST API; trains the model first if there is none."""
    from model.artifact import MANIFEST
    from service.auth import KeysError
    from service.server import OpenToAllError, run
    from service.traces import TracingError

    settings = _settings(host=host, port=port, workers=workers)
    if not (settings.artifact / MANIFEST).exists():
        _artifact(settings)
    address = f"http://{settings.host}:{settings.port}"
    serving = f"Serving on {address} with {settings.workers} workers, documentation at {address}/docs"
    try:
        code = run(settings, lambda: _talk.print(serving, highlight=False))
    except (KeysError, OpenToAllError, SettingsError, TracingError) as error:
        _stop(str(error), USAGE)
    if code:
        raise typer.Exit(code)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is; stands in the log beside each request.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may be used for; may be given twice.")] = [Scope.TAG],  # noqa: B006
) -> None:
    """Make an API key: shown once on stderr; its line for the file of keys goes to stdout."""
    from service.auth import KeysError, new_key

    try:
        made, line = new_key(name, scope)
    except KeysError as error:
        _stop(str(error), USAGE)
    _talk.print(made, highlight=False, markup=False, soft_wrap=True)
    sys.stdout.write(line + "\n")


@app.command()
def doctor() -> None:
    """Check the installation, and say what to do about what is wrong."""
    from service.doctor import examine, show_findings

    findings = examine(_settings())
    show_findings(findings)
    if any(finding.failed for finding in findings):
        raise typer.Exit(FAILED)


@app.command()
def slack() -> None:
    """Answer in Slack over Socket Mode: no public address needed."""
    from service.slack.serving import run_socket

    settings = _settings()
    artifact = _artifact(settings)
    try:
        run_socket(settings, artifact, lambda: _talk.print("Connected to Slack", highlight=False))
    except SettingsError as error:
        _stop(str(error), USAGE)
    except OSError as error:
        _stop(f"Slack cannot be reached ({type(error).__name__}); is there a way to the internet from here?", FAILED)


@app.command()
def train(
    config: Annotated[Path | None, typer.Option(help="Another configuration than training/config.toml.")] = None,
) -> None:
    """Train the model from the data and save it."""
    _train(_settings(), config)


@app.command()
def evaluate(
    source: Annotated[Path | None, typer.Argument(metavar="[FILE.jsonl]", help="Labelled sentences; the hold-out if left out.")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    keep: Annotated[
        str | None,
        typer.Option(metavar="DESCRIPTION", help="Keep the figures of FILE for the model card, so described."),
    ] = None,
) -> None:
    """Measure the model on labelled sentences."""
    from service.evaluation import EvaluationError, evaluate_file, evaluate_holdout, keep_figures, show_figures

    settings = _settings()
    artifact = _artifact(settings)
    try:
        figures = evaluate_file(artifact, source) if source else evaluate_holdout(artifact, settings)
        if keep and source:
            keep_figures(artifact, settings, source, keep, figures)
    except EvaluationError as error:
        _stop(str(error), USAGE)
    show_figures(figures, as_json=json)


@app.command()
def info() -> None:
    """Show the installation: version, model, where things are."""
    from model.artifact import ArtifactError, ArtifactMissingError, load
    from service.show import show_info

    settings = _settings()
    artifact: Artifact | None
    try:
        artifact = load(settings.artifact)
    except ArtifactMissingError:
        artifact = None
    except ArtifactError as error:
        _stop(str(error), FAILED)
    show_info(settings, artifact)


def _settings(**given: object) -> Settings:
    """Read the settings, the given ones first; a wrong one ends the command with its name."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        names = (f"HELMKEEL_{str(f['loc'][0]).upper()}: {f['msg']}" if f["loc"] else f["msg"] for f in faults)
        _stop("; ".join(names), USAGE)


def _artifact(settings: Settings) -> "Artifact":
    """Load the model, training it first where there is none."""
    from model.artifact import ArtifactError, ArtifactMissingError, load

    try:
        return load(settings.artifact)
    except ArtifactMissingError:
        _talk.print(f"No model in {settings.artifact} yet: training one (once).", highlight=False)
    except ArtifactError as error:
        _stop(str(error), FAILED)
    _train(settings, None)
    return load(settings.artifact)


def _train(settings: Settings, config: Path | None) -> None:
    """Run a training with progress on stderr."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from model.contrasts import ContrastsError
    from training.config import DEFAULT_CONFIG, ConfigError, load_config
    from training.corpus import CorpusError
    from training.embedding import EmbeddingError
    from training.probes import ProbesError
    from training.student import StudentError
    from training.train import train as run

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=_talk, transient=True) as progress:
            task = progress.add_task("training", total=None)

            def step(line: str) -> None:
                progress.update(task, description=line)
                _talk.print(line, highlight=False)

            result = run(settings.data, settings.artifact, load_config(config or DEFAULT_CONFIG), step)
    except (ConfigError, ContrastsError, CorpusError, EmbeddingError, ProbesError, StudentError) as error:
        _stop(str(error), FAILED)
    except OSError as error:
        _stop(f"{settings.artifact}: cannot be written ({error.strerror})", FAILED)
    macro = result.metrics["holdout"]["macro_f1"]
    _talk.print(
        f"Model {next(iter(result.manifest.sha256.values()))[:12]} in {settings.artifact}; macro-F1 on the hold-out {macro['value']:.3f}"
        f" ({macro['low']:.3f} to {macro['high']:.3f})",
        highlight=False,
    )


def _stop(message: str, code: int) -> NoReturn:
    _talk.print(f"helmkeel: {message}", highlight=False, markup=False, style="red", soft_wrap=True)
    raise typer.Exit(code)
