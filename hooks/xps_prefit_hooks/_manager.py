"""The plugin manager: loads plugins one by one, names those that fail, and calls their hooks."""

from __future__ import annotations

import inspect
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import pluggy

from . import specs
from ._errors import PrefitError
from ._markers import PROJECT
from ._menu import MenuAction
from ._seed import Seed
from ._types import Exporter, GroupEvidence, Prediction, Reader, Settings

if TYPE_CHECKING:
    import xarray as xr

#: Environment variable that limits the plugins: ``none``, or a comma-separated list of entry-point names.
PLUGINS_VARIABLE: Final = "XPS_PREFIT_PLUGINS"
#: Distribution that this contract comes with. The environment variable does not limit its plugins: nothing works
#: without them.
DISTRIBUTION: Final = "xps-stn-plugin"

PluginState = Literal["active", "failed", "blocked"]

_log = logging.getLogger("xps_prefit_hooks")
_T = TypeVar("_T")


@dataclass(frozen=True)
class PluginReport:
    """State of one plugin: active, failed or blocked.

    Parameters
    ----------
    name : str
        Name of the entry point, or the name under which it was registered.
    distribution, version : str
        The installed package that brings it; empty where there is none.
    state : {"active", "failed", "blocked"}
        Whether its hooks are called; "blocked" by the environment variable ``XPS_PREFIT_PLUGINS``.
    message : str
        Why it failed or is blocked; empty for an active one.
    """

    name: str
    distribution: str
    version: str
    state: PluginState
    message: str = ""


class PluginManager:
    """Manager that registers plugins and calls their hooks; no failing plugin stops the others.

    The plugin registered last is asked first; implementations that are marked ``trylast`` come after all others. Every
    implementation is called by itself, hence pluggy's hook wrappers are refused.
    """

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(specs)
        self._reports: list[PluginReport] = []

    @property
    def reports(self) -> tuple[PluginReport, ...]:
        """One report per plugin, in the order of loading."""
        return tuple(self._reports)

    @property
    def hooks(self) -> tuple[str, ...]:
        """Names of all hooks."""
        return tuple(sorted(name for name in vars(specs) if name.startswith(f"{PROJECT}_")))

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """Names of the hooks that the plugin `name` implements; empty for one that is not active."""
        plugin = self._pluggy.get_plugin(name)
        callers = (self._pluggy.get_hookcallers(plugin) or []) if plugin is not None else []
        return tuple(sorted(caller.name for caller in callers))

    def asked_before(self, hook: str, plugin: str = "") -> tuple[str, ...]:
        """Name the plugins whose `hook` is called before that of `plugin`, in this order; all without `plugin`."""
        return tuple(implementation.plugin_name for implementation in self._implementations(hook, before=plugin))

    def load(self) -> tuple[PluginReport, ...]:
        """Load the installed plugins of the entry-point group ``xps_prefit``, one by one.

        The environment variable ``XPS_PREFIT_PLUGINS`` limits them, except those of the distribution that brings this
        contract.

        Returns
        -------
        tuple of PluginReport
            One report per plugin.
        """
        choice = os.environ.get(PLUGINS_VARIABLE, "").strip()
        allowed = None if not choice else {name.strip() for name in choice.split(",")} - {"none", ""}
        installed = sorted(entry_points(group=PROJECT), key=lambda point: point.name)
        for point in installed:
            if allowed is None or point.name in allowed or _distribution(point)[0] == DISTRIBUTION:
                self._load_entry_point(point)
            else:
                message = f"{PLUGINS_VARIABLE}={choice} leaves it out."
                self._report(point.name, *_distribution(point), "blocked", message)
        for name in sorted((allowed or set()) - {point.name for point in installed}):
            self._report(name, "", "", "failed", f"{PLUGINS_VARIABLE} names it, but no installed plugin has this name.")
        return self.reports

    def register(self, plugin: object, name: str, distribution: str = "", version: str = "") -> PluginReport:
        """Register one plugin: a module, an object, or a class that can be called without arguments.

        Returns
        -------
        PluginReport
            Its state is "failed", and nothing is registered, where the plugin cannot be used.
        """
        try:
            self._register(plugin, name)
        except Exception as error:  # noqa: BLE001 (another author's code: any error is that plugin's, and is reported)
            return self._report(name, distribution, version, "failed", _sentence(error))
        return self._report(name, distribution, version, "active")

    def collect(self, hook: str, kind: type[_T], **arguments: Any) -> list[_T]:
        """Ask every plugin for its contributions.

        Parameters
        ----------
        hook : str
            Name of a hook whose implementations return lists.
        kind : type
            What the lists hold.
        **arguments
            All arguments of the hook.

        Returns
        -------
        list
            The contributions of all plugins, last registered first. A plugin that raises, or returns anything else, is
            left out and named in a warning of the logger ``xps_prefit_hooks``.
        """
        contributions: list[_T] = []
        for implementation in self._implementations(hook):
            try:
                items = _call(implementation, arguments)
                contributions.extend(_checked(implementation.plugin_name, items, kind))
            except Exception as error:  # noqa: BLE001 (another author's code: reported, and the others go on)
                _warn(implementation.plugin_name, f"{hook} failed: {_sentence(error)}")
        return contributions

    def first(self, hook: str, kind: type[_T], *, before: str = "", **arguments: Any) -> _T | None:
        """Ask one plugin after the other until one answers.

        Parameters
        ----------
        hook : str
            Name of a hook whose first result counts.
        kind : type
            What the answer must be.
        before : str
            Name of a plugin that is not asked, nor those behind it.
        **arguments
            All arguments of the hook.

        Returns
        -------
        object or None
            The first answer; None if no plugin has one.

        Raises
        ------
        PrefitError
            Raised by a plugin, or naming the plugin that raised anything else or answered with something else.
        """
        for implementation in self._implementations(hook, before):
            culprit = f"plugin {implementation.plugin_name}"
            try:
                answer = _call(implementation, arguments)
            except PrefitError:
                raise
            except Exception as error:
                raise PrefitError(culprit, f"{hook} failed: {_sentence(error)}") from error
            if isinstance(answer, kind):
                return answer
            if answer is not None:
                msg = f"{hook} returned {type(answer).__name__}; it must return {kind.__name__} or None."
                raise PrefitError(culprit, msg)
        return None

    def readers(self) -> list[Reader]:
        """File formats of all plugins."""
        return self.collect("xps_prefit_readers", Reader)

    def exporters(self) -> list[Exporter]:
        """Output formats of all plugins."""
        return self.collect("xps_prefit_exporters", Exporter)

    def menu(self) -> list[MenuAction]:
        """Menu actions of all plugins."""
        return self.collect("xps_prefit_menu", MenuAction)

    def predict(self, spectrum: xr.DataTree, settings: Settings, shift: float | None = None) -> Prediction:
        """Shift and groups by the first predictor that answers; groups at `shift` (eV) where it is known.

        Raises
        ------
        PrefitError
            If a predictor fails, or none answers.
        """
        prediction = self._predicted(spectrum, settings, shift)
        if prediction is None:
            raise PrefitError("plugins", "no predictor gave a result for this spectrum; `xps-stn plugins` lists them.")
        return prediction

    def predict_each(
        self,
        spectra: Iterable[xr.DataTree],
        settings: Settings,
        shifts: Sequence[float] | None = None,
        *,
        before: str,
    ) -> Iterator[Prediction | PrefitError | None]:
        """Predict the spectra of a stack one by one with the predictors that come before the plugin `before`.

        Predictors know single spectra; this is what lets them work on maps and series.

        Yields
        ------
        Prediction, PrefitError or None
            The first answer about each spectrum, the error of the predictor that failed at it, or None where all pass
            on to `before`.
        """
        for number, spectrum in enumerate(spectra):
            try:
                yield self._predicted(spectrum, settings, None if shifts is None else shifts[number], before)
            except PrefitError as error:
                yield error

    def _predicted(
        self, spectrum: xr.DataTree, settings: Settings, shift: float | None, before: str = ""
    ) -> Prediction | None:
        prediction = self.first(
            "xps_prefit_predict", Prediction, before=before, spectrum=spectrum, settings=settings, shift=shift
        )
        if prediction is not None and not math.isfinite(prediction.shift) and prediction.status != "out_of_domain":
            msg = f"{prediction.model.name} gave {prediction.shift} eV as shift with the status {prediction.status}."
            raise PrefitError(str(spectrum.attrs.get("source", "spectrum")), msg)
        return prediction

    def explain(
        self, spectrum: xr.DataTree, prediction: Prediction, settings: Settings
    ) -> Mapping[str, tuple[GroupEvidence, ...]]:
        """Parts of the spectrum that speak for the groups found, by the first plugin that answers; else empty.

        Raises
        ------
        PrefitError
            If a plugin fails.
        """
        arguments: dict[str, Any] = {"spectrum": spectrum, "prediction": prediction, "settings": settings}
        # mypy wants a class that can be made; an isinstance check does not.
        evidence = self.first("xps_prefit_explain", Mapping, **arguments)  # type: ignore[type-abstract]
        return {} if evidence is None else evidence

    def seed(self, spectrum: xr.DataTree, region: str, prediction: Prediction, settings: Settings) -> Seed | None:
        """Seeded model of one region by the first seeder that answers; None if none does.

        Raises
        ------
        PrefitError
            If a seeder fails.
        """
        arguments: dict[str, Any] = {
            "spectrum": spectrum,
            "region": region,
            "prediction": prediction,
            "settings": settings,
        }
        return self.first("xps_prefit_seed", Seed, **arguments)

    def fitted(self, result: Any, region: str, fit: Any) -> None:
        """Tell every plugin of a finished fit."""
        self.collect("xps_prefit_fitted", object, result=result, region=region, fit=fit)

    def _load_entry_point(self, point: EntryPoint) -> None:
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 (another author's import: reported)
            self._report(point.name, *_distribution(point), "failed", f"cannot be imported: {_sentence(error)}")
        else:
            self.register(plugin, point.name, *_distribution(point))

    def _register(self, plugin: object, name: str) -> None:
        if self._pluggy.has_plugin(name):
            raise PrefitError(f"plugin {name}", "another plugin has this name already.")
        plugin = plugin() if inspect.isclass(plugin) else plugin
        try:
            self._pluggy.register(plugin, name)
            self._check(plugin, name)
        except Exception:
            # pluggy 1.5 leaves a plugin registered whose check failed.
            if self._pluggy.get_plugin(name) is plugin:
                self._pluggy.unregister(name=name)
            raise

    def _check(self, plugin: object, name: str) -> None:
        callers = self._pluggy.get_hookcallers(plugin) or []
        if not callers:
            raise PrefitError(name, f"it implements no hook; mark its functions with {PROJECT}_hooks.hookimpl.")
        for caller in callers:
            (implementation,) = (impl for impl in caller.get_hookimpls() if impl.plugin is plugin)
            if not caller.has_spec() and not implementation.optionalhook:
                hook_names = ", ".join(self.hooks)
                raise PrefitError(name, f"it implements {caller.name}, which is not a hook; known are {hook_names}.")
            if implementation.hookwrapper or implementation.wrapper:
                raise PrefitError(name, f"it wraps {caller.name}; wrappers are not supported, implement the hook.")

    def _implementations(self, hook: str, before: str = "") -> Iterator[pluggy.HookImpl]:
        """List the implementations of a hook in the order of their calls, up to that of the plugin `before`."""
        caller: pluggy.HookCaller = getattr(self._pluggy.hook, hook)
        ordered = reversed(caller.get_hookimpls())
        return takewhile(lambda implementation: implementation.plugin_name != before, ordered)

    def _report(
        self, name: str, distribution: str, version: str, state: PluginState, message: str = ""
    ) -> PluginReport:
        report = PluginReport(name, distribution, version, state, message)
        self._reports.append(report)
        if state == "failed":
            _warn(name, message)
        return report


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
    function: Callable[..., Any] = implementation.function
    return function(*(arguments[name] for name in implementation.argnames))


def _checked(plugin: str, items: object, kind: type[_T]) -> list[_T]:
    if items is None:
        return []
    if not isinstance(items, list | tuple):
        raise PrefitError(plugin, f"it returned {type(items).__name__}; it must return a list of {kind.__name__}.")
    for item in items:
        if not isinstance(item, kind):
            raise PrefitError(plugin, f"its list holds {type(item).__name__}; it must hold {kind.__name__}.")
    return list(items)


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _sentence(error: BaseException) -> str:
    """One line that says what went wrong."""
    return (
        error.message if isinstance(error, PrefitError) else f"{type(error).__name__}: {' '.join(str(error).split())}"
    )


def _warn(plugin: str, message: str) -> None:
    _log.warning("Plugin %s: %s", plugin, message)
    _log.debug("Plugin %s", plugin, exc_info=True)
