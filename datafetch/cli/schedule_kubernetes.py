"""CronJobs of Kubernetes that run the jobs at their times, as YAML."""

import json
import shlex
from collections.abc import Mapping

from datafetch import __version__
from datafetch.cli.schedule_plan import RUN_DUE, ZONE, Plan, TimedCommand

_ABOVE = """\
# Made by: {made_by}
# Make it again after a change of an S3_..._CRON setting. The image is the one that
# .github/Dockerfile makes: name it as your registry does. Settings come from a secret, made of the
# same lines as .env:
#
#   kubectl create secret generic datafetch --from-env-file={env_file}
#   {made_by} | kubectl apply -f -
#
# kubectl takes quotes for a part of a value: write the values of that file without them, and its
# names without `export`.
#
# timeZone needs Kubernetes 1.27 or newer. A pod has no folder that stays, so S3_BUCKET or
# DATAFETCH_STORE has to name a bucket.
"""

_CRON_JOB = """\
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: datafetch-{name}
  labels:
    app.kubernetes.io/name: datafetch
    app.kubernetes.io/component: {name}
spec:
  schedule: {schedule}
  timeZone: {zone}
  concurrencyPolicy: {concurrency}
  startingDeadlineSeconds: 900
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      # run-due starts again what failed to start; what failed is tried at its next time.
      backoffLimit: 0
      template:
        metadata:
          labels:
            app.kubernetes.io/name: datafetch
            app.kubernetes.io/component: {name}
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          terminationGracePeriodSeconds: 30
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: datafetch
              image: datafetch:{version}
              args: {arguments}
              envFrom:
                - secretRef:
                    name: datafetch
              # The pod reads its schedule as the CronJob has it, whatever the secret says.
              env:
{variables}              resources:
                requests:
                  cpu: 100m
                  memory: 128Mi
                limits:
                  memory: {memory}
              securityContext:
                allowPrivilegeEscalation: false
                capabilities:
                  drop: [ALL]
"""

_MEMORY, _MEMORY_OF_SEVERAL = "512Mi", "2Gi"


def manifests(plan: Plan) -> str:
    """The CronJobs of a plan, without a line end at the end."""
    settings = {job.setting: job.expression or "off" for job in plan.jobs} | dict(plan.variables)
    file = shlex.quote(str(plan.env_file)) if plan.env_file else ".env"
    above = _ABOVE.format(made_by=plan.made_by, env_file=file)
    if plan.left_out:
        above += f"#\n{plan.left_out}"
    return "".join([above, *(_cron_job(command, settings) for command in plan.timed)]).rstrip()


def _cron_job(command: TimedCommand, settings: Mapping[str, str]) -> str:
    variables = (
        f"                - name: {name}\n                  value: {json.dumps(value)}\n"
        for name, value in settings.items()
    )
    return _CRON_JOB.format(
        name=command.name,
        schedule=json.dumps(command.fields.plain),
        zone=ZONE,
        # A long run that run-due has started must not keep the next run-due from the other jobs.
        concurrency="Allow" if command.name == RUN_DUE else "Forbid",
        version=__version__,
        arguments=json.dumps(list(command.arguments)),
        variables="".join(variables),
        memory=_MEMORY if command.setting else _MEMORY_OF_SEVERAL,
    )
