"""How an infection spreads: susceptible, infected and recovered people, day by day."""

import numpy as np
import param

DAYS = 180


class Outbreak(param.Parameterized):
    people = param.Integer(100_000, bounds=(1_000, 1_000_000), step=1_000, label="People")
    reproduction = param.Number(2.5, bounds=(0.5, 8), step=0.1, label="Infected by one person")
    infectious_days = param.Integer(7, bounds=(1, 30), label="Days a person infects others")
    vaccinated = param.Integer(10, bounds=(0, 95), label="Vaccinated (%)")
    distancing = param.Boolean(False, label="People keep their distance")
    begins_on_day = param.Integer(30, bounds=(0, 120), label="From day")

    # What follows from the above.
    susceptible = param.Array(precedence=-1)
    infected = param.Array(precedence=-1)
    recovered = param.Array(precedence=-1)

    @param.depends(
        "people",
        "reproduction",
        "infectious_days",
        "vaccinated",
        "distancing",
        "begins_on_day",
        watch=True,
        on_init=True,
    )
    def _spread(self) -> None:
        susceptible = np.zeros(DAYS)
        infected, recovered = susceptible.copy(), susceptible.copy()
        recovered[0] = self.people * self.vaccinated / 100
        infected[0] = 10
        susceptible[0] = max(0, self.people - recovered[0] - infected[0])
        for day in range(1, DAYS):
            distant = self.distancing and day >= self.begins_on_day
            rate = self.reproduction * (0.4 if distant else 1) / self.infectious_days
            new = min(susceptible[day - 1], rate * infected[day - 1] * susceptible[day - 1] / self.people)
            well = infected[day - 1] / self.infectious_days
            susceptible[day] = susceptible[day - 1] - new
            infected[day] = infected[day - 1] + new - well
            recovered[day] = recovered[day - 1] + well
        self.param.update(susceptible=susceptible, infected=infected, recovered=recovered)

    @param.depends("infected")
    def peak(self) -> str:
        return f"{self.infected.max():,.0f}"

    @param.depends("infected")
    def peak_day(self) -> str:
        return str(int(self.infected.argmax()))

    @param.depends("infected")
    def ever_infected(self) -> str:
        return f"{(self.susceptible[0] - self.susceptible[-1]) / self.people:.0%}"
