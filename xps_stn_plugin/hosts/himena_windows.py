"""From windows of himena to a spectrum, and from a spectrum to tables for its windows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

if TYPE_CHECKING:
    import xarray as xr

    from ..api import PrefitResult

#: Background, envelope, components: matplotlib's names, black-and-white printers tell the first two.
_COLORS = ("black", "red", "tab:blue", "tab:orange", "tab:green", "tab:purple", "tab:brown", "tab:olive", "tab:cyan")


def spectrum_of_model(model: Any, settings: Settings) -> xr.DataTree:
    """Make a spectrum of what a window holds, by way of the readers of text files.

    Parameters
    ----------
    model : WidgetDataModel
        Text as in a file, or a data frame, table or array: two columns (energy, intensity), or a long table (region,
        binding_energy_eV, intensity).
    settings : Settings
        What the user asked for.

    Raises
    ------
    PrefitError
        If it holds something else.
    """
    from ..core.plugins import plugin_manager
    from ..readers import read_file

    title = model.title or model.type
    text = _text(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (re.sub(r"[^\w .()+-]", "_", Path(title).name) or "window")
        path.write_text(text, encoding="utf-8")
        try:
            spectrum = read_file(path, plugin_manager().readers(), settings)
        except PrefitError as error:
            # People know the window, not the file.
            texts = (text.replace(str(path), title) for text in (error.culprit, error.message))
            raise type(error)(*texts) from error
        skipped = [sentence.replace(str(path), title) for sentence in spectrum.attrs.get("skipped", ())]
    spectrum.attrs.update({"source": str(model.source) if isinstance(model.source, Path) else title})
    if skipped:
        spectrum.attrs["skipped"] = skipped
    return spectrum


def table_of_spectrum(spectrum: xr.DataTree) -> dict[str, Any]:
    """Columns ``region``, ``binding_energy_eV`` and ``intensity`` of all regions; of a stack the sum."""
    # xarray takes a third of a second, which himena's start would wait for.
    from ..core.samples import all_regions

    names, energies, intensities = [], [], []
    for name, region in all_regions(spectrum).items():
        counts = region.to_dataset()["counts"]
        energies.append(counts["binding_energy"].values)
        intensities.append(counts.sum([dim for dim in counts.dims if dim != "binding_energy"]).values)
        names.append(np.full(energies[-1].size, name))
    columns = {"region": names, "binding_energy_eV": energies, "intensity": intensities}
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def table_of_region(result: PrefitResult, region: str) -> dict[str, Any]:
    """Columns of a calibrated region for himena-lmfit: energy (eV), intensity, and the package's weights."""
    from ..models.noise import noise_of

    data = result.axis[region].to_dataset()
    kind = str(data.attrs.get("intensity", "arbitrary"))
    return {
        "BE (eV)": data["binding_energy"].values,
        f"{data.attrs['region']} {'intensity' if kind == 'arbitrary' else kind}": data["counts"].values,
        "weights": 1.0 / noise_of(data).before_fit(data["counts"].values.astype(float)),
    }


def picture_of_region(result: PrefitResult, region: str) -> Any:
    """Figure of himena with data and seeded curves of a region; binding energies ascend to the left."""
    import himena.standards.plotting as plotting

    from ..fitting import curves

    data, seed = result.axis[region].to_dataset(), result.seeds[region]
    energy, counts = data["binding_energy"].values, data["counts"].values
    drawn = curves(seed, seed.params, energy)
    figure = plotting.figure()
    figure.scatter(energy, counts, color="gray", size=4, name="data")
    for (name, curve), color in zip(drawn.items(), cycle(_COLORS), strict=False):
        total = curve if name in ("background", "envelope") else drawn["background"] + curve
        figure.plot(energy, total, color=color, name=result.short_name(region, name))
    low, high = float(drawn["background"].min()), float(counts.max())
    figure.axes.x.lim, figure.axes.y.lim = (
        (energy[-1], energy[0]),
        (low - 0.05 * (high - low), high + 0.4 * (high - low)),
    )
    figure.axes.x.label, figure.axes.y.label = "binding energy (eV)", "intensity"
    figure.set_legend("top_left", font_size=8)
    return figure


def _text(model: Any) -> str:
    from himena import StandardType
    from himena.data_wrappers import wrap_dataframe

    if model.is_subtype_of(StandardType.TEXT):
        return str(model.value)
    rows: Iterable[Any]
    if model.is_subtype_of(StandardType.DATAFRAME):
        frame = wrap_dataframe(model.value)
        names = frame.column_names()
        rows = [names, *zip(*(np.asarray(frame[name]) for name in names), strict=True)]
    elif model.is_subtype_of(StandardType.TABLE):
        rows = np.asarray(model.value).tolist()
    elif model.is_subtype_of(StandardType.ARRAY) and np.ndim(model.value) == 2:
        array = np.asarray(model.value)
        rows = array.T if array.shape[0] == 2 else array
    else:
        message = f"the window holds '{model.type}'; click on one with a table, an array of two columns or text."
        raise PrefitError(model.title or "selection", message)
    lines = (",".join(map(str, row)).rstrip(",") for row in rows)
    return "\n".join(line for line in lines if line) + "\n"
