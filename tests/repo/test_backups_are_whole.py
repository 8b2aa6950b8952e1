"""A new table is in the backup of a project, or says here why a restored project does without it."""

from __future__ import annotations

from django.apps import apps

from annotation.actions.backup_tables import TABLES

WITHOUT = {
    "apitoken": "a secret, and its account's, not the project's",
    "auditevent": "what happened in that installation; the restore itself is an event of this one",
    "invitation": "a link into that installation",
    "generationchunk": "how a batch was cut into calls; the batch and its traces are in",
    "batchfailure": "a view of what calls of a batch stored; a restored batch has no calls left to try again",
    "judgefailure": "a view of what calls of a judge run stored",
    "dryrun": "a look at what a batch would make",
    "modeltrial": "a look at a model from that installation",
    "judgerun": "how scoring was launched; the scores are in",
    "judgechunk": "how scoring was cut into calls; the scores are in",
    "mergerun": "made again from what people and judges said",
    "mergedtrace": "made again from what people and judges said",
    "mergedpreference": "made again from what people and judges said",
    "qualityreport": "computed again from what people and judges said",
    "practiceanswer": "practice, which no label rests on",
    "qualificationattempt": "whom that installation let rate; an admin of this one decides again",
    "stepbranch": "what was offered to a rater; what they picked is in their rating",
    "stepalternative": "what was offered to a rater; what they picked is in their rating",
    "importsource": "what was looked at; the prompts and traces that came of it are in",
    "importrun": "how an import went; the prompts, traces and ratings that came of it are in",
    "importrefusal": "what an import did not take",
    "export": "made again, byte for byte",
    "hubpush": "where that installation sent an export",
    "trainedjudge": "which of that installation's exports and run folders a judge came of; the judge's scores are in",
    "webhook": "an address that installation tells; its secret rests on that installation's key",
    "webhookdelivery": "what that installation told",
    "webhookattempt": "what that installation told",
}


def test_every_table_is_backed_up_or_says_why_not() -> None:
    found = {
        model._meta.model_name
        for name in ("annotation", "exports")
        for model in apps.get_app_config(name).get_models()
    }
    backed_up = {"project", *(table.name for table in TABLES)}

    assert found - backed_up == set(WITHOUT)
