"""Recognition of the elements in survey spectra.

A survey is explained by photoelectron and Auger lines of the element table, on a smooth background, with amounts that
are not negative. Elements are added one by one as long as each explains more than chance would; an element must explain
what no other explains. See the page on surveys.
"""

from .recognise import probability, survey_of, survey_of_arrays
from .regions import SCALE, predicted_surveys, stack_survey, surveys_in, with_elements

__all__ = [
    "SCALE",
    "predicted_surveys",
    "probability",
    "stack_survey",
    "survey_of",
    "survey_of_arrays",
    "surveys_in",
    "with_elements",
]
