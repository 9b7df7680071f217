"""All public names of the library. ``dataform_action`` exports them."""

from dataform_action.auth.token_source import (
    ApplicationDefaultCredentials as ApplicationDefaultCredentials,
)
from dataform_action.bigquery.client import BigQuery as BigQuery
from dataform_action.bigquery.costs import read_costs as read_costs
from dataform_action.bigquery.warehouse import BigQueryWarehouse as BigQueryWarehouse
from dataform_action.clock import Clock as Clock
from dataform_action.costs import ActionCost as ActionCost, Costs as Costs, JobCost as JobCost
from dataform_action.errors import (
    CancelUnsupported as CancelUnsupported,
    CredentialsRefused as CredentialsRefused,
    DataformError as DataformError,
    GaveUp as GaveUp,
    InputError as InputError,
    InvalidResponse as InvalidResponse,
    Misconfigured as Misconfigured,
    NoResponse as NoResponse,
    NotConnected as NotConnected,
    NotDone as NotDone,
    Refused as Refused,
    RunMayExist as RunMayExist,
    Throttled as Throttled,
    TooLarge as TooLarge,
    Unusable as Unusable,
    WaitTimeout as WaitTimeout,
)
from dataform_action.events import (
    CancelRequested as CancelRequested,
    Changed as Changed,
    Compiled as Compiled,
    Created as Created,
    Expected as Expected,
    LeftRunning as LeftRunning,
    Noted as Noted,
    Observer as Observer,
    OutageEnded as OutageEnded,
    OutageStarted as OutageStarted,
    Progressed as Progressed,
    Promoted as Promoted,
    RerunPrepared as RerunPrepared,
    Update as Update,
    Waiting as Waiting,
)
from dataform_action.graph import GraphAction as GraphAction
from dataform_action.history import History as History, PastRun as PastRun
from dataform_action.model import (
    Action as Action,
    ActionState as ActionState,
    Compilation as Compilation,
    CompiledAction as CompiledAction,
    CompileError as CompileError,
    CompileFailed as CompileFailed,
    IncompleteActions as IncompleteActions,
    Job as Job,
    Polling as Polling,
    Prepared as Prepared,
    Rerun as Rerun,
    Result as Result,
    Run as Run,
    RunRequest as RunRequest,
    RunUnsuccessful as RunUnsuccessful,
    State as State,
)
from dataform_action.plan import (
    Cause as Cause,
    Change as Change,
    Check as Check,
    Column as Column,
    ColumnChange as ColumnChange,
    Plan as Plan,
    PlannedAction as PlannedAction,
    PlanRequest as PlanRequest,
    PlanStatus as PlanStatus,
    Scan as Scan,
    Verdict as Verdict,
)
from dataform_action.plans.api import make_plan as make_plan
from dataform_action.runs.api import (
    Poller as Poller,
    prepare as prepare,
    retry as retry,
    run as run,
    start as start,
    wait as wait,
)
from dataform_action.services.base import Service as Service
from dataform_action.services.dataform_web import DataformWeb as DataformWeb
from dataform_action.services.google.plan_source import GooglePlanSource as GooglePlanSource
from dataform_action.services.google.service import GoogleDataform as GoogleDataform
from dataform_action.version import __version__ as __version__
