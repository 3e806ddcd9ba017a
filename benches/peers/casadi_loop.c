/* Calls the function that CasADi generated at many points, many times: one result or two for each point.
   Included behind the generated text, which declares casadi_int and FUNCTION. */
void loop(const double *points, long width, double *first, double *second, long first_size, long second_size,
          double *w, casadi_int *iw, long count, long repetitions) {
  const double *arguments[8];
  double *results[8];
  for (long r = 0; r < repetitions; r++) {
    for (long i = 0; i < count; i++) {
      arguments[0] = points + width * i;
      results[0] = first + first_size * i;
      results[1] = second + second_size * i;
      FUNCTION(arguments, results, iw, w, 0);
    }
    __asm__ volatile("" ::"r"(points), "r"(first), "r"(second) : "memory");
  }
}
