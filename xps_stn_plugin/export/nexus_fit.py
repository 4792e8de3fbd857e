"""Peak fit of a region as NXfit: components as NXpeak, background, curves, parameters, figures of merit."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from ..core.nexus_terms import SIGNAL_UNITS
from ..fitting import curves
from ..fitting.parameter_names import background_names, doublets
from ..fitting.standard_errors import uncertainty
from ..writers.nexus_groups import field, group, link, parameter, process, sentences
from .report import Component, Fit, Region
from .texts import or_nan

if TYPE_CHECKING:
    import h5py
    import lmfit
    from lmfit.model import ModelResult

    from xps_prefit_hooks import Seed

    from ..core.result import PrefitData

#: Words of NXxps' enumeration for lmfit's classes, this package's among them. The enumeration is open: other classes
#: go by their own name.
_FUNCTIONS: Final = {
    "GaussianModel": "Gaussian",
    "LorentzianModel": "Lorentzian",
    "VoigtModel": "Voigt",
    "PseudoVoigtModel": "Gaussian-Lorentzian Sum",
    "SteppedPseudoVoigtModel": "Gaussian-Lorentzian Sum",
    "TougaardPseudoVoigtModel": "Gaussian-Lorentzian Sum",
    "DoniachModel": "Doniach-Sunjic",
}

#: The same for backgrounds, by the first word of their kind.
_BACKGROUNDS: Final = {"linear": "Linear", "shirley": "Shirley", "tougaard": "Tougaard", "offset": "Offset"}

#: Units by the bare name of a parameter; {} stands for those of the intensities.
_UNITS: Final = {
    "center": "eV",
    "sigma": "eV",
    "fwhm": "eV",
    "gamma": "eV",
    "gap": "eV",
    "cutoff": "eV",
    "amplitude": "{}*eV",
    "height": "{}",
    "intercept": "{}",
    "c": "{}",
    "slope": "{}/eV",
    "step": "1/eV",
    "loss": "eV**2",
    "loss_c": "eV**2",
    "loss_d": "eV**2",
}


def write_fit(entry: h5py.Group, result: PrefitData, name: str, date: str, region: Region) -> None:
    """Write the seeded model of a region, fitted or with its start values, as the group ``fit`` of its entry.

    A region without a model gets no group. `region` is that of the report.
    """
    seed = result.seeds.get(name)
    if seed is None:
        return
    fit = result.fits.get(name)
    params = seed.params if fit is None else fit.params
    intensity = SIGNAL_UNITS.get(str(result.axis[name].attrs.get("intensity")), "")
    made = process(entry, "fit", "NXfit", date)
    made.attrs["default"] = "data"
    level = entry["transitions"].asstr()[0] if "transitions" in entry else name
    field(made, "label", level if fit is not None else f"{level}, start values, not fitted")
    energy = entry["data/energy"][()]
    drawn = curves(seed, params, energy)
    _write_curves(made, entry, drawn, intensity)
    table = _write_global(made, seed, fit, intensity)
    lines = {components[0].prefix: [line.prefix for line in components] for components in doublets(seed)}
    for number, component in enumerate(region.components):
        peak = group(made, f"peak_{number}", "NXpeak")
        _write_peak(peak, component, seed, intensity)
        parameters = peak["function/fit_parameters"]
        for prefix in lines[component.prefix]:
            _link_parameters(parameters, table, [key for key in table if key.startswith(prefix)])
        _write_points(peak, entry, drawn[component.name], intensity)
    background = group(made, "background_0", "NXpeak")
    _write_background(background, seed, region, table, params)
    _write_points(background, entry, drawn["background"], intensity)
    if region.fit is not None:
        _write_merit(made, region.fit)
    sentences(made, "notes_on_seed", "Components that were merged, dropped or added", seed.notes)


def _write_curves(made: h5py.Group, entry: h5py.Group, drawn: dict[str, Any], intensity: str) -> None:
    data = group(made, "data", "NXdata", signal="input_dependent", axes=["input_independent"])
    data.attrs["auxiliary_signals"] = ["fit_sum", "background", "residual"]
    data.attrs["input_independent_indices"] = 0
    link(data, "input_independent", entry["data/energy"])
    link(data, "input_dependent", entry["data/data"])
    field(data, "fit_sum", drawn["envelope"], intensity, long_name="envelope")
    field(data, "background", drawn["background"], intensity)
    field(data, "residual", entry["data/data"][()] - drawn["envelope"], intensity, long_name="data minus envelope")


def _write_points(peak: h5py.Group, entry: h5py.Group, curve: Any, intensity: str) -> None:
    data = group(peak, "data", "NXdata", signal="intensity", axes=["position"], position_indices=0)
    link(data, "position", entry["data/energy"])
    field(data, "intensity", curve, intensity)


def _write_global(made: h5py.Group, seed: Seed, fit: ModelResult | None, intensity: str) -> h5py.Group:
    """Write all parameters of the model under lmfit's names, in lmfit's order; returns their group."""
    function = group(made, "global_fit_function", "NXfit_function")
    state = "start values, not fitted" if fit is None else "fitted" if fit.success else "fit without success"
    field(function, "description", f"Sum of peaks and background as an lmfit model; {state}.")
    terms = [f"{_class_name(model)}(prefix='{model.prefix}')" for model in seed.model.components]
    field(function, "formula_description", " + ".join(terms))
    errors = {} if fit is None else uncertainty(seed, fit).stderr
    # lmfit's order, which the expressions need.
    table = function.create_group("fit_parameters", track_order=True)
    table.attrs["NX_class"] = "NXparameters"
    for name, lmfit_parameter in (seed.params if fit is None else fit.params).items():
        units = _UNITS.get(_bare(seed, name), "").format(intensity).removeprefix("*")
        started = None if fit is None or name not in seed.params else float(seed.params[name].value)
        parameter(
            table,
            name,
            float(lmfit_parameter.value),
            "1" + units if units.startswith("/") else units,
            error=errors.get(name),
            initial=started,
            min=float(lmfit_parameter.min),
            max=float(lmfit_parameter.max),
            vary=bool(lmfit_parameter.vary) and not lmfit_parameter.expr,
            expression=lmfit_parameter.expr or None,
        )
    return table


def _write_peak(peak: h5py.Group, component: Component, seed: Seed, intensity: str) -> None:
    area = f"{intensity}*eV".removeprefix("*")
    models = {model.prefix: model for model in seed.model.components}
    kind = type(models[component.prefix]).__name__
    # On the axis of the entry, which is the measured one where there is no shift.
    center = component.center_measured if component.center is None else component.center
    field(peak, "label", component.name)
    field(peak, "total_area", or_nan(component.area), area)
    if component.fraction_of_region is not None:
        field(peak, "relative_area", component.fraction_of_region)
    share = component.atomic_percent
    if share is not None and share.value is not None:
        field(peak, "relative_atomic_concentration", share.value / 100)
        if share.stderr is not None:
            field(peak, "relative_atomic_concentration_errors", share.stderr / 100)
    function = group(peak, "function", "NXfit_function")
    field(function, "function_type", _FUNCTIONS.get(kind, kind.removesuffix("Model")))
    groups = ", ".join(component.groups) or component.level or component.state or "unassigned"
    bounds = f"; at a bound: {', '.join(component.at_bound)}" if component.at_bound else ""
    field(function, "description", f"{groups}{bounds}")
    field(function, "formula_description", _formula(models[component.prefix]))
    parameters = group(function, "fit_parameters", "NXparameters")
    values = (
        ("position", "center", center, "eV"),
        ("width", "fwhm", component.fwhm, "eV"),
        ("area", "area", component.area, area),
    )
    for name, key, value, units in values:
        parameter(parameters, name, or_nan(value), units, error=component.stderr[key])


def _write_background(
    background: h5py.Group, seed: Seed, region: Region, table: h5py.Group, params: lmfit.Parameters
) -> None:
    kind = seed.background.partition("-")[0]
    field(background, "label", f"{seed.background} background")
    function = group(background, "function", "NXfit_function")
    field(function, "function_type", _BACKGROUNDS.get(kind, seed.background))
    models = [model for model in seed.model.components if model.prefix == seed.background_prefix]
    parameters = region.background.parameters if region.background else {}
    carried = " and what the peaks carry" if len(parameters) > sum(len(model.param_names) for model in models) else ""
    field(function, "description", f"{seed.background}: {' + '.join(map(_class_name, models)) or 'no term'}{carried}")
    _link_parameters(group(function, "fit_parameters", "NXparameters"), table, background_names(seed, params))


def _link_parameters(links: h5py.Group, table: h5py.Group, names: list[str]) -> None:
    for name in names:
        if name not in links:
            link(links, name, table[name])


def _write_merit(made: h5py.Group, fit: Fit) -> None:
    function = group(made, "error_function", "NXfit_function")
    field(function, "description", f"least squares, lmfit method {fit.method}; weights: {fit.weighting}")
    field(function, "formula_description", "sum(((input_dependent - fit_sum) * weight)**2)")
    merits = {
        "reduced_chi_square": (fit.redchi, "reduced chi-square"),
        "chi_square_probability": (fit.chi_square_probability, "probability of a chi-square as large"),
        "durbin_watson": (fit.durbin_watson, "Durbin-Watson statistic of the weighted residual"),
        "runs_p": (fit.runs_p, "two-sided probability of the runs of signs (Wald-Wolfowitz)"),
        "rms_residual": (fit.rms_residual, "root mean square of the residual"),
        "bic": (fit.bic, "Bayesian information criterion"),
    }
    for name, (merit, metric) in merits.items():
        if merit is not None:
            field(made, f"figure_of_merit_{name}", merit, metric=metric)
    solver = group(made, "solver", "NXparameters")
    for name, value in (("success", fit.success), ("nfev", fit.nfev), ("message", fit.message)):
        parameter(solver, name, value)
    sentences(made, "notes_on_fit", "Doubtful results", fit.notes)


def _bare(seed: Seed, name: str) -> str:
    """Name of a parameter without the longest prefix of the model that it carries."""
    prefixes = [model.prefix for model in seed.model.components if name.startswith(model.prefix)]
    return name.removeprefix(max(prefixes, key=len, default=""))


def _class_name(model: lmfit.Model) -> str:
    return type(model).__name__


def _formula(model: lmfit.Model) -> str:
    """Say where the formula of a line stands, and what it is in a few words."""
    words = (inspect.getdoc(model.func) or "").partition("\n")[0]
    return f"{type(model).__module__}.{_class_name(model)}: {words}".removesuffix(": ")
