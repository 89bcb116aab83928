"""Operations on what stands beside the log, as the API and the pages share them."""
